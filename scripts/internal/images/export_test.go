package images

// Program is an image of one binary.
var Program = program
