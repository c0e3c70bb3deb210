"""Les Houches events → final-state particles. A new program is one module here and one line in `SHOWERS`."""
