"""The manual page `man/catalogd.1`, made from the command line and the settings themselves: `make man` writes it."""
