// The end of a program with the process that started it, whatever the program is doing, as in a sample of hours.
#pragma once
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <cerrno>
#include <cstdlib>

namespace snn {

// Whoever started this program holds the other end of standard input. When that is closed, nobody waits for a result.
// A handler of signals: it calls nothing but what may be called there.
static void check_parent(int) {
    const int before = errno;
    pollfd watched = {0, POLLIN, 0};
    if (poll(&watched, 1, 0) > 0 && (watched.revents & (POLLHUP | POLLERR | POLLNVAL))) std::_Exit(3);
    errno = before;
}

// Looks after the parent twice a second of real time, which costs the loop over steps nothing. Linux also sends a signal
// itself, even where a copy of the parent (a fork) keeps the pipe open.
static void follow_parent() {
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    struct sigaction action = {};
    action.sa_handler = check_parent;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    const itimerval often = {{0, 500000}, {0, 500000}};
    setitimer(ITIMER_REAL, &often, nullptr);
    check_parent(SIGALRM);  // the parent may have ended before
}

}  // namespace snn
