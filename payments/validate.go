package payments

import (
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// newValidator is made once: it caches what it learns of struct types. Errors
// name fields as in the JSON.
var newValidator = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			return strings.ToLower(f.Name)
		}
		return name
	})
	return v
})

// validate checks a request's tags and returns an *InvalidError that names
// every field that is wrong.
func validate(request any) error {
	err := newValidator().Struct(request)
	var wrong validator.ValidationErrors
	if !errors.As(err, &wrong) {
		return err
	}
	invalid := &InvalidError{}
	for _, w := range wrong {
		_, field, _ := strings.Cut(w.Namespace(), ".")
		invalid.Fields = append(invalid.Fields, FieldError{Field: field, Message: explain(w)})
	}
	return invalid
}

func explain(w validator.FieldError) string {
	unit := ""
	switch w.Kind() {
	case reflect.String:
		unit = " characters"
	case reflect.Slice, reflect.Map:
		unit = " entries"
	}
	switch w.Tag() {
	case "required":
		return "is required"
	case "max":
		return "must be at most " + w.Param() + unit
	case "min":
		return "must be at least " + w.Param() + unit
	case "email":
		return "is not an e-mail address"
	case "printascii":
		return "must be printable ASCII characters"
	}
	return "is not valid (" + w.Tag() + ")"
}
