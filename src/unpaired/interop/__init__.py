"""Networks of other projects in (`importing`); ours out, as programs (`program`) or weights (`peer`)."""
