// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of a cluster's machine: runs the commands that scripts/cluster
 * asks for over serial ports, one at a time for each port.
 *
 * The host sends lines of words, strings among them as x and hex digits:
 *
 *	run NONCE ROWS COLUMNS xDIRECTORY COUNT xNAME=VALUE... xARG... end
 *	size ROWS COLUMNS	the terminal's new size
 *	in xBYTES		input for the terminal
 *	!			kill all that the command left running
 *
 * With 0 rows there is no terminal: standard input is empty, output and errors
 * come back apart. The answer is the 16 bytes of NONCE, then frames of one byte
 * of type, four of length, and as many bytes: 'o' output, 'e' errors, at last
 * 'x' the exit status.
 *
 * The supervisor keeps its side of each port open and lends it to one client
 * after the other, with a newline and a ! in between. So a line that a client
 * died in lacks its last word, and the next client finds its own answer by the
 * nonce. That ports are opened and closed tells nothing: with virtio-serial,
 * Linux learns of it through another queue, in no order with the data.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	LINE_BYTES = 1 << 20,	/* of one request */
	FRAME_BYTES = 16 << 10,	/* of one frame's payload */
	PORTS_MAX = 30,
	NONCE_BYTES = 16,
};

#define CANCEL '!'
#define CGROUP "/sys/fs/cgroup/"

struct port {
	int number;
	int fd;
	char *buf;
	size_t used;	/* bytes in buf */
	size_t taken;	/* of these, returned as lines already */
};

struct session {
	char cgroup[80];
	pid_t pid;
	int pidfd;
	int out;	/* the terminal, if there is one */
	int err;
};

struct request {
	char *nonce;
	struct winsize size;
	char *cwd;
	char **env;	/* ends in NULL */
	char **argv;
};

static noreturn void fail(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Decodes "x6869" to "hi" in place, returns the length. */
static int unhex(char *word)
{
	char *in = word + 1, *out = word;

	for (; in[0] && in[1]; in += 2)
		*out++ = hex_digit(in[0]) << 4 | hex_digit(in[1]);
	*out = '\0';
	return out - word;
}

/* Reads once: 1 for more bytes, 0 for none so far, -1 for nobody there. */
static int port_fill(struct port *p)
{
	ssize_t n;

	p->used -= p->taken;
	memmove(p->buf, p->buf + p->taken, p->used);
	p->taken = 0;
	if (p->used == LINE_BYTES)
		p->used = 0;
	n = read(p->fd, p->buf + p->used, LINE_BYTES - p->used);
	if (n > 0) {
		p->used += n;
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* The next whole line, which lives until port_fill(), or NULL. */
static char *port_line(struct port *p)
{
	char *line = p->buf + p->taken;
	char *end = memchr(line, '\n', p->used - p->taken);

	if (!end)
		return NULL;
	*end = '\0';
	p->taken = end + 1 - p->buf;
	return line;
}

/* Waits for a line. */
static char *port_wait_line(struct port *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	char *line;

	while (!(line = port_line(p))) {
		poll(&pfd, 1, -1);
		/* the host may not have opened its side yet */
		if (port_fill(p) < 0)
			usleep(10000);
	}
	return line;
}

/* Sends it all, unless cancelled, which is told by -1. */
static int port_send(struct port *p, const char *bytes, size_t len)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN | POLLOUT };
	ssize_t n;

	while (len) {
		n = write(p->fd, bytes, len);
		if (n > 0) {
			bytes += n;
			len -= n;
			continue;
		}
		/* perhaps nobody is left to read it */
		if (memchr(p->buf + p->taken, CANCEL, p->used - p->taken))
			return -1;
		poll(&pfd, 1, -1);
		if (pfd.revents & POLLIN)
			port_fill(p);
	}
	return 0;
}

static int port_send_frame(struct port *p, char type, const void *bytes,
			   unsigned int len)
{
	char frame[5 + FRAME_BYTES] = { type };

	memcpy(frame + 1, &len, 4);
	memcpy(frame + 5, bytes, len);
	return port_send(p, frame, 5 + len);
}

/*
 * Takes a "run" line apart in place; false if it is something else, or not
 * whole. r->env is to be freed in any case.
 */
static bool parse_request(char *line, struct request *r)
{
	size_t words = 1;
	char *word;
	int envc, n;

	memset(r, 0, sizeof(*r));
	for (word = line; *word; word++)
		words += *word == ' ';
	word = strtok(line, " ");
	if (!word || strcmp(word, "run"))
		return false;
	r->nonce = strtok(NULL, " ");
	r->size.ws_row = atoi(strtok(NULL, " ") ?: "");
	r->size.ws_col = atoi(strtok(NULL, " ") ?: "");
	r->cwd = strtok(NULL, " ");
	word = strtok(NULL, " ");
	if (!word || strlen(r->nonce) != 2 * NONCE_BYTES)
		return false;
	unhex(r->cwd);
	envc = atoi(word);

	/* more than enough, with a NULL after each list */
	r->env = calloc(words, sizeof(char *));
	if (!r->env)
		fail("memory");
	r->argv = r->env + envc + 1;
	for (n = 0; (word = strtok(NULL, " ")); n++) {
		if (!strcmp(word, "end"))
			return n > envc;
		unhex(word);
		r->env[n < envc ? n : n + 1] = word;
	}
	return false;
}

static void write_cgroup(const struct session *s, const char *file,
			 const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", s->cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, value, strlen(value)) < 0)
			perror(path);
		close(fd);
	}
}

static noreturn void
exec_request(const struct session *s, const struct request *r)
{
	char **e;

	write_cgroup(s, "cgroup.procs", "0");
	signal(SIGPIPE, SIG_DFL);
	if (chdir(r->cwd) && chdir("/"))
		perror("agent: /");
	clearenv();
	for (e = r->env; *e; e++)
		putenv(*e);
	execvp(r->argv[0], r->argv);
	fprintf(stderr, "%s: %s\n", r->argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_with_terminal(struct session *s, struct request *r)
{
	s->err = -1;
	s->pid = forkpty(&s->out, NULL, NULL, &r->size);
	if (!s->pid)
		exec_request(s, r);
}

static void start_with_pipes(struct session *s, struct request *r)
{
	int out[2], err[2], null;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail("pipe");
	s->pid = fork();
	if (!s->pid) {
		setsid();
		dup2(null, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		exec_request(s, r);
	}
	close(null);
	close(out[1]);
	close(err[1]);
	s->out = out[0];
	s->err = err[0];
	fcntl(s->err, F_SETFL, O_NONBLOCK);
}

static void session_start(const struct port *p, struct session *s,
			  struct request *r)
{
	snprintf(s->cgroup, sizeof(s->cgroup), CGROUP "port%d-%s", p->number,
		 r->nonce);
	if (mkdir(s->cgroup, 0755))
		perror(s->cgroup);
	if (r->size.ws_row)
		start_with_terminal(s, r);
	else
		start_with_pipes(s, r);
	if (s->pid < 0)
		fail("fork");
	fcntl(s->out, F_SETFL, O_NONBLOCK);
	fcntl(s->out, F_SETFD, FD_CLOEXEC);
	s->pidfd = syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		fail("pidfd_open");
}

/* Does not wait: what hangs in the kernel must not take the port with it. */
static void session_kill(struct session *s)
{
	kill(s->pid, SIGKILL);	/* it may not be in its cgroup yet */
	write_cgroup(s, "cgroup.kill", "1");
}

static void session_end(struct session *s)
{
	close(s->pidfd);
	if (s->out >= 0)
		close(s->out);
	if (s->err >= 0)
		close(s->err);
	/* fails if something runs on, or dies still: see clean_up() */
	rmdir(s->cgroup);
}

/*
 * Passes on what there is to read from *fd: 1 if there may be more, 0 if not
 * at present, -1 if cancelled. At the end of the file *fd is closed.
 */
static int forward(struct port *p, int *fd, char type)
{
	char bytes[FRAME_BYTES];
	ssize_t n;

	if (*fd < 0)
		return 0;
	n = read(*fd, bytes, sizeof(bytes));
	if (n > 0)
		return port_send_frame(p, type, bytes, n) ? -1 : 1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close(*fd);
	*fd = -1;
	return 0;
}

static int forward_rest(struct port *p, int *fd, char type)
{
	int ret;

	do {
		ret = forward(p, fd, type);
	} while (ret > 0);
	return ret;
}

/* The command has ended: tells the host, unless cancelled. */
static void session_finish(struct port *p, struct session *s)
{
	unsigned int code;
	int status;

	waitpid(s->pid, &status, 0);
	code = WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
	if (!forward_rest(p, &s->out, 'o') && !forward_rest(p, &s->err, 'e'))
		port_send_frame(p, 'x', &code, sizeof(code));
}

/* A line that is not a new request. */
static void session_control(struct session *s, char *line)
{
	struct winsize size = {};
	int len;

	if (s->out < 0)
		return;
	if (!strncmp(line, "in x", 4)) {
		len = unhex(line + 3);
		if (write(s->out, line + 3, len) < 0)
			perror("agent: terminal");
	} else if (sscanf(line, "size %hu %hu", &size.ws_row,
			  &size.ws_col) == 2) {
		ioctl(s->out, TIOCSWINSZ, &size);
	}
}

/* What the host has to say: -1 if it cancels. */
static int session_listen(struct port *p, struct session *s)
{
	char *line;

	while ((line = port_line(p))) {
		if (*line == CANCEL)
			return -1;
		session_control(s, line);
	}
	return 0;
}

static void session_run(struct port *p, struct request *r)
{
	char nonce[1 + 2 * NONCE_BYTES + 1];
	struct session s;
	int ret;

	snprintf(nonce, sizeof(nonce), "x%s", r->nonce);
	unhex(nonce);
	session_start(p, &s, r);
	ret = port_send(p, nonce, NONCE_BYTES);
	while (!ret) {
		struct pollfd fds[] = {
			{ .fd = p->fd, .events = POLLIN },
			{ .fd = s.out, .events = POLLIN },
			{ .fd = s.err, .events = POLLIN },
			{ .fd = s.pidfd, .events = POLLIN },
		};

		/* some may have come with the request */
		ret = session_listen(p, &s);
		if (ret)
			break;
		poll(fds, 4, -1);
		if (fds[0].revents)
			port_fill(p);
		if (fds[1].revents && forward(p, &s.out, 'o') < 0)
			ret = -1;
		if (!ret && fds[2].revents && forward(p, &s.err, 'e') < 0)
			ret = -1;
		if (!ret && fds[3].revents) {
			session_finish(p, &s);
			break;
		}
	}
	if (ret)
		session_kill(&s);
	session_end(&s);
}

/* A serial line is a terminal at first. */
static void make_raw(int fd)
{
	struct termios mode;

	if (tcgetattr(fd, &mode))
		return;
	cfmakeraw(&mode);
	if (tcsetattr(fd, TCSANOW, &mode))
		fail("tcsetattr");
}

static void open_port(struct port *p, const char *name)
{
	char pattern[32];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s%d", name, p->number);
	while (glob(pattern, 0, NULL, &found))
		usleep(10000);
	p->fd = open(found.gl_pathv[0], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	p->buf = malloc(LINE_BYTES);
	if (p->fd < 0 || !p->buf)
		fail(found.gl_pathv[0]);
	make_raw(p->fd);
	globfree(&found);
}

/* After killed commands, which nobody waited for, and left daemons. */
static void clean_up(const struct port *p)
{
	char pattern[64];
	glob_t found;
	size_t i;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	snprintf(pattern, sizeof(pattern), CGROUP "port%d-*", p->number);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		rmdir(found.gl_pathv[i]);
	globfree(&found);
}

static noreturn void serve(int number, const char *name)
{
	struct port p = { .number = number };
	struct request r;
	char *line;

	open_port(&p, name);
	for (;;) {
		line = port_wait_line(&p);
		clean_up(&p);
		if (parse_request(line, &r))
			session_run(&p, &r);
		free(r.env);
	}
}

static pid_t start_server(int number, const char *name)
{
	pid_t pid = fork();

	if (!pid)
		serve(number, name);
	if (pid < 0)
		fail("fork");
	return pid;
}

int main(int argc, char **argv)
{
	int i, ports = argc > 2 ? atoi(argv[1]) : 0;
	pid_t pid, server[PORTS_MAX];

	if (ports < 1 || ports > PORTS_MAX) {
		fprintf(stderr, "usage: agent PORTS NAME\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ports; i++)
		server[i] = start_server(i + 1, argv[2]);
	for (;;) {
		pid = wait(NULL);
		for (i = 0; i < ports; i++) {
			if (server[i] == pid)
				server[i] = start_server(i + 1, argv[2]);
		}
	}
}
