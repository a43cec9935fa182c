package bicep

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Program is a template with all files that it uses, by their paths.
type Program struct {
	Main  *File
	files map[string]*File
	order []*File // as they were found
}

// Load reads a template and the files that it uses.
func Load(path string) (*Program, error) {
	p := &Program{files: map[string]*File{}}
	main, err := p.load(path)
	p.Main = main
	return p, err
}

// Files are the template and what it uses.
func (p *Program) Files() []*File { return p.order }

func (p *Program) load(path string) (*File, error) {
	path = filepath.Clean(path)
	if f := p.files[path]; f != nil {
		return f, nil
	}
	file, err := ParseFile(path)
	if err != nil {
		return nil, err
	}
	p.files[path] = file
	p.order = append(p.order, file)
	for _, m := range file.Modules {
		if _, err := p.load(file.beside(m.Path)); err != nil {
			return nil, file.missing(m.At, m.Path, err)
		}
	}
	for _, i := range file.Imports {
		if _, err := p.load(file.beside(i.From)); err != nil {
			return nil, file.missing(i.At, i.From, err)
		}
	}
	return file, nil
}

// missing is err, or where a file was asked for that is not there.
func (f *File) missing(at Position, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Problem{f.Path, at, fmt.Sprintf("there is no file %s", path)}
	}
	return err
}

// beside is the path of a file that f names.
func (f *File) beside(path string) string { return filepath.Join(filepath.Dir(f.Path), path) }

// at is the file that a loaded one names.
func (p *Program) at(f *File, path string) *File { return p.files[filepath.Clean(f.beside(path))] }

func (f *File) param(name string) *Param {
	for _, p := range f.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (f *File) variable(name string) *Var {
	for _, v := range f.Vars {
		if v.Name == name {
			return v
		}
	}
	return nil
}

func (f *File) output(name string) *Output {
	for _, o := range f.Outputs {
		if o.Name == name {
			return o
		}
	}
	return nil
}

func (f *File) module(name string) *Module {
	for _, m := range f.Modules {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// body is the object of a resource or module, and the loop it stands in, if any.
func body(e Expression) (*object, *loop) {
	if l, ok := e.(*loop); ok {
		o, _ := l.body.(*object)
		return o, l
	}
	o, _ := e.(*object)
	return o, nil
}

// property returns the value of a property that is written out, or nil.
func (o *object) property(name string) Expression {
	for _, p := range o.properties {
		if len(p.key.holes) == 0 && p.key.parts[0] == name {
			return p.value
		}
	}
	return nil
}
