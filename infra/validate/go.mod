module github.com/davit-dev/davit/infra/validate

go 1.26
