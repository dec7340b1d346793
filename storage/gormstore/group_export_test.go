package gormstore

// Waiting is how many updates wait for a leader.
func (s *Store) Waiting() int {
	s.updates.mu.Lock()
	defer s.updates.mu.Unlock()
	return len(s.updates.waiting)
}
