"""What commands show to people: a module puts one thing into words, a table or a live picture.

To open a connection, and to end a process, is for the commands.
"""
