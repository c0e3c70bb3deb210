"""Parts of a chain as a package of somebody else adds them."""
