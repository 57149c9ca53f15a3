package table

// departure is a slot's route that has to leave the kernel, and the status that the
// slot gets then: as long as the kernel has the route, the old status is true.
type departure struct {
	entry
	then Exception
}

// depart has a slot's route deleted, which may not be in the kernel any more.
func (t *Table) depart(i int32) {
	s := &t.slots[i]
	t.leaving[i] = departure{entry: s.entry(s.link)}
	t.withdraw(i)
	t.deletable = true
}

// reportDeparted gives slots their new status once their routes have left the kernel.
func (t *Table) reportDeparted() {
	for i, l := range t.leaving {
		if _, there := t.extras[l.entry]; there {
			continue
		}
		delete(t.leaving, i)
		if l.then.State != "" {
			t.setException(i, l.then)
		}
	}
}

// noteWithdrawal counts a route that had to leave the kernel, or is back.
func (t *Table) noteWithdrawal(i int32, e Exception) {
	p := &t.ports[t.slots[i].port]
	if !e.Withdrawn {
		if p.withdrawn--; p.withdrawn == 0 {
			t.opts.Log.Info("no route of the port is withdrawn any more", "port", p.alias)
		}
		return
	}
	p.withdrawn, p.why, p.news = p.withdrawn+1, e.Detail, p.news+1
}

// logWithdrawals logs those since it was called last: routes never leave
// the kernel without a word.
func (t *Table) logWithdrawals() {
	for i := range t.ports {
		if p := &t.ports[i]; p.news > 0 {
			t.opts.Log.Warn("routes were withdrawn from the kernel", "port", p.alias, "routes", p.news, "reason", p.why)
			p.news = 0
		}
	}
}

// withdrawals are the ports with routes that had to leave the kernel.
func (t *Table) withdrawals() (all []Withdrawal) {
	for i := range t.ports {
		if p := &t.ports[i]; p.withdrawn > 0 {
			all = append(all, Withdrawal{Interface: p.alias, Routes: p.withdrawn, Why: p.why})
		}
	}
	return all
}
