"""What a user of TweakReg brings along: its calls, its .cfg files, its spellings."""
