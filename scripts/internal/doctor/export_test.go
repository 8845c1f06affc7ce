package doctor

var LinuxRelease = linuxRelease
