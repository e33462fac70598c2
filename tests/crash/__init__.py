"""The program killed, starved, raced and lied to: what it promises must hold all the same."""
