// Reads an AsyncAPI document with the initiative's own parser, and follows all its references.

const { Parser, fromFile } = require("@asyncapi/parser");

const ERROR_OR_WARNING = 1;

async function main(path) {
    const { document, diagnostics } = await fromFile(new Parser(), path).parse();
    const faults = diagnostics.filter((found) => found.severity <= ERROR_OR_WARNING);
    for (const fault of faults) {
        console.error(`${path}: ${fault.path.join(".")}: ${fault.message}`);
    }
    if (document === undefined || faults.length > 0) {
        process.exit(1);
    }
    const channels = document.channels().all();
    const empty = channels.filter((channel) => channel.messages().all().some((it) => !it.payload()));
    if (channels.length === 0 || empty.length > 0) {
        console.error(`${path}: a channel without a payload`);
        process.exit(1);
    }
    console.log(`${path}: AsyncAPI ${document.version()}, ${channels.length} channels`);
}

main(process.argv[2]);
