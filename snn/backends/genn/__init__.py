"""GeNN behind a process boundary: the same networks on a GPU, or in GeNN's own code for the CPU.

Brian2GeNN needs older packages than this one does, so it lives in an environment of its own (`environment`). A program
here (`program`) writes what is to be run into a folder and starts a worker (`worker`) in that environment; both read
and write the files of `exchange`, and both lower networks with the same code.
"""
