import FleetBench
import FleetSim

await FleetBenchCommand.runAsProgram()
