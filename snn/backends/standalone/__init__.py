"""Compiles a plan to one C++ program, which is cached and run as a process."""
