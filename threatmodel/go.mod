module redoubt.example/threatmodel

go 1.26.0
