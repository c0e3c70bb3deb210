"""Hard process → Les Houches events. A new generator is one module here and one line in `GENERATORS`."""
