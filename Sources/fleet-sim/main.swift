import FleetSim

await FleetSimCommand.run()
