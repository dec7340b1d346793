package simkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// StateFile keeps what a simulator must not forget, as JSON. Without a Path it
// keeps nothing. It is not safe for concurrent use: the state's lock guards it.
type StateFile struct {
	Path string

	saved []byte // what the file holds
}

// Load reads the file into state. One that does not exist leaves it as it is.
func (f *StateFile) Load(state any) error {
	if f.Path == "" {
		return nil
	}
	data, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(data, state); err != nil {
		return f.Wrong(err)
	}
	return nil
}

// Wrong is the error of a file whose content cannot be.
func (f *StateFile) Wrong(err error) error { return fmt.Errorf("read state file %s: %w", f.Path, err) }

// Save writes the file if anything has changed: see [WriteFile].
func (f *StateFile) Save(state any) error {
	if f.Path == "" {
		return nil
	}
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if bytes.Equal(data, f.saved) {
		return nil
	}
	if err := WriteFile(f.Path, data); err != nil {
		return err
	}
	f.saved = data
	return nil
}
