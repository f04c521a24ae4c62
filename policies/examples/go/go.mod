module policy

go 1.24

require sluice-sdk v0.0.0

replace sluice-sdk => ../../../sdk/go
