"""What is left to look at: plots, the summary, the shift file and TweakReg's texts."""
