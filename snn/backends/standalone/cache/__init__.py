"""Compiled programs on disk, shared by every process and user of a folder.

An entry is a folder ``KEY`` with the binary, its source, its network and a manifest. It is built in a folder of its
own, ``KEY.xxxxxxxx``, and renamed into place, so that others see all of it or nothing. The manifest has the binary's
checksum and comes last: an entry without a right one is rebuilt, never run. A process reads the binary once for the
checksum; after that, what the kernel says of the file (inode, size, times of change) tells whether it is the same.

``KEY.lock`` is held by the process that builds or removes the entry, and names it; the kernel lets go of it when that
process ends, however it ends. The lock's time of change is that of the entry's last use. A process also keeps a shared
lock on the manifests of the programs that it used last, so that nobody removes them under it.

Whom to trust: a program from the cache is run, so it must come from somebody who may hand this user programs. That is
whoever can write into the folder if that is its owner alone or its owner and a group: setting a folder up for a group
trusts the group. Where everybody can write, as in a folder like ``/tmp``, it is this user, root and the folder's owner
alone, and the folder must be sticky, or entries could be exchanged. Entries of others are not run, nor are files that
people can write who could not write into the folder, nor anything that is reached by a symbolic link.
"""
