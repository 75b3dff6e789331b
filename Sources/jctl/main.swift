import Commands

await runJctl()
