package jsonl

import "time"

// budget is how long a whole process has waited for nodes in vain. A pipeline
// of any length waits for a silent node once; waiting that ended with the
// nodes being done costs nothing.
type budget struct{ spent time.Duration }

func (b *budget) left(timeout time.Duration) time.Duration {
	return max(timeout-b.spent, 0)
}

func (b *budget) charge(took time.Duration, acknowledged bool) {
	if !acknowledged {
		b.spent += took
	}
}
