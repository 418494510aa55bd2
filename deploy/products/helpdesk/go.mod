module stampworks.dev/deploy/products/helpdesk

go 1.26.0
