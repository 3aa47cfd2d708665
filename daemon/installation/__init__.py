"""`catalogd install --print`: a script that makes catalogd a service of the machine it was printed on."""
