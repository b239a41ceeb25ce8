package host

import "time"

// nudgeAfter is how long a Python agent that has nothing to answer may take to end by itself.
const nudgeAfter = time.Second

// terminate asks the agent to end, and kills it if it takes too long. One that never was healthy has nothing to finish,
// and one that does not listen for the signal would not get it: the kernel spares the first process of a namespace.
func (p *process) terminate() {
	if p.dead() {
		return
	}
	if p.healthy() && catchesTerm(p.cmd.Process.Pid) {
		signalGroup(p.cmd.Process.Pid, sigTerm)
		if p.endsInTime() {
			return
		}
	}
	signalGroup(p.cmd.Process.Pid, sigKill)
	<-p.exited
}

// endsInTime waits for the agent to end by itself. The server that Python agents run in waits for answers whose readers
// went away, and would do so for ever; a second signal, SIGINT, tells it not to, and it skips the agent's lifespan shutdown
// then. So it is sent only when nobody reads any more and a second has passed: an agent that an abandoned answer holds
// loses what it would do at its end, which it would not have come to anyway. A lifespan shutdown that has begun goes on.
func (p *process) endsInTime() bool {
	grace, nudge := time.NewTimer(p.host.cfg.Times.Stop), time.NewTicker(nudgeAfter)
	defer grace.Stop()
	defer nudge.Stop()
	for {
		select {
		case <-p.exited:
			return true
		case <-grace.C:
			return false
		case <-nudge.C:
			if p.spec.Python() && !p.session.answering() {
				signalGroup(p.cmd.Process.Pid, sigInt)
				nudge.Stop()
			}
		}
	}
}
