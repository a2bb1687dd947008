"""What is made small: pure functions of tensors."""
