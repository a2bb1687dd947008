"""What computes, and how: the `device` and its number format, the `ranks` of torchrun, one `heap` for all threads."""
