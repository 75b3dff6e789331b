import ArgumentParser
import FleetBench

FleetBenchCommand.main()
