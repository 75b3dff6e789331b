import FleetSim

await FleetSimCommand.runAsProgram()
