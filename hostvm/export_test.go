package hostvm

// Renew has a composed inventory look again, as Run does after a change.
func Renew(i Inventory) { i.(*composed).renew() }
