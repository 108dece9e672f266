"""Runs a program and reaps every process it leaves behind, however deep.

A sandbox ends before the processes in it are waited for; the kernel gives them to the next reaper, and their CPU time
with them. Here that is this process, so nothing of what the program caused is lost to the count. The program is asked to
end when whoever started this is gone.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

prctl = ctypes.CDLL(None).prctl
prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
child = os.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda received, _: os.kill(child, received))
prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
while True:
    ended, status = os.wait()
    if ended == child:
        sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
