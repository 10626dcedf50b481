"""Checks of the lessons' exercises, a module a lesson: each knows the typical wrong answers and what to say of them."""
