"""The write side seen from outside: senders and readers that have nothing in common with the program."""
