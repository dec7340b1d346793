package howto

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/lunaspay/lunas/payments"
)

//go:embed ways/*.json
var files embed.FS

// text is the same sentence in both languages.
type text struct {
	ID string `json:"id"`
	EN string `json:"en"`
}

func (t text) in(language string) string {
	if language == indonesian {
		return t.ID
	}
	return t.EN
}

// entry is one way as it stands in a file.
type entry struct {
	Channel Channel `json:"channel"`
	Title   text    `json:"title"`
	Steps   []text  `json:"steps"`
}

// words is all that the files say.
type words struct {
	ways map[payments.Method][]entry
	// general names each placeholder, and what stands in for it where its
	// value is not known.
	general map[string]text
}

// generalFile is the one file that holds no ways.
const generalFile = "placeholders.json"

// load reads the embedded files once. They are part of the program, and a
// test reads them all: what is wrong with them is a mistake of the build.
var load = sync.OnceValue(func() words {
	w, err := read()
	if err != nil {
		panic("howto: " + err.Error())
	}
	return w
})

func read() (words, error) {
	w := words{ways: make(map[payments.Method][]entry)}
	list, err := files.ReadDir("ways")
	if err != nil {
		return w, err
	}
	for _, file := range list {
		if file.Name() == generalFile {
			err = decode(file.Name(), &w.general)
		} else {
			err = w.add(file.Name())
		}
		if err != nil {
			return w, fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	return w, nil
}

func (w words) add(name string) error {
	var ways map[payments.Method][]entry
	if err := decode(name, &ways); err != nil {
		return err
	}
	for method, entries := range ways {
		if _, twice := w.ways[method]; twice {
			return fmt.Errorf("%q is in another file, too", method)
		}
		w.ways[method] = entries
	}
	return nil
}

// decode is strict: a misspelt name would leave a sentence out.
func decode(name string, into any) error {
	data, err := files.ReadFile("ways/" + name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
