module sluice-sdk

go 1.24
