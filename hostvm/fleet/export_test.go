package fleet

// SharedSet is the set that the sessions share now; whoever holds it keeps it
// shared, as a session that is sending it does.
func (m *Manager) SharedSet() any { return m.sets.built.Value() }
