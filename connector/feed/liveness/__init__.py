"""Watches for silence: is a quiet stream stale, and is its connection to blame?"""
