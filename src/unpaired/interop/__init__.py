"""Networks of other projects in (`importing`); ours out, as programs (`program`) and as weights (`weights`)."""
