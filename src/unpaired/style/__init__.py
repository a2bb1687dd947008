"""One picture painted as others are, by optimising it: begin with `transfer`."""
