"""What an operator asks: is the config sound, is anything missing, what does a worker say?"""
