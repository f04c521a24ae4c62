package sluice

import (
	"encoding/json"
	"errors"
)

// Settings are read one by one; End refuses those that nobody read. The first error stays.
type Settings struct {
	values map[string]json.RawMessage
	read   map[string]bool
	err    error
}

// NewSettings reads settings from JSON text.
func NewSettings(text string) *Settings {
	settings := &Settings{read: map[string]bool{}}
	if json.Unmarshal([]byte(text), &settings.values) != nil || settings.values == nil {
		settings.err = errors.New("the settings are not a JSON object")
	}
	return settings
}

// JSON reads a setting into a value; false where it is not there.
func (s *Settings) JSON(name string, into any) (bool, error) {
	s.read[name] = true
	raw, there := s.values[name]
	if !there {
		return false, nil
	}
	return true, json.Unmarshal(raw, into)
}

// Text is a text that is not empty.
func (s *Settings) Text(name string) string {
	var text string
	if there, err := s.JSON(name, &text); !there || err != nil || text == "" {
		s.fail(name + ": a text is needed")
	}
	return text
}

// Texts is a list of texts, not empty; it must be there unless there is something in its place.
func (s *Settings) Texts(name string, otherwise ...string) []string {
	var texts []*string
	there, err := s.JSON(name, &texts)
	if !there && len(otherwise) > 0 {
		return otherwise
	}
	list := make([]string, 0, len(texts))
	for _, text := range texts {
		if text != nil && *text != "" {
			list = append(list, *text)
		}
	}
	if err != nil || len(list) == 0 || len(list) < len(texts) {
		s.fail(name + ": a list of texts is needed")
	}
	return list
}

// End is the first error, be it of a setting that was read or of one that nobody read.
func (s *Settings) End() error {
	for name := range s.values {
		if !s.read[name] {
			s.fail(name + ": unknown setting")
		}
	}
	return s.err
}

func (s *Settings) fail(words string) {
	if s.err == nil {
		s.err = errors.New(words)
	}
}
