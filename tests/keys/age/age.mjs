// npm's age-encryption and cctv-age, for the tests: arguments in, files in and out.
//
//   node age.mjs MODULES encrypt RECIPIENT|passphrase:TEXT IN OUT
//   node age.mjs MODULES decrypt IDENTITY|passphrase:TEXT IN OUT
//   node age.mjs MODULES vectors DIR
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, command, ...args] = process.argv.slice(2);
const load = (...path) => import(pathToFileURL(join(modules, ...path)).href);
const PASSPHRASE = "passphrase:";

if (command === "vectors") {
  const vectors = await load("cctv-age", "index.js");
  for (const [name, data] of Object.entries(vectors.default ?? vectors)) {
    await writeFile(join(args[0], name), data);
  }
} else {
  const age = await load("age-encryption", "dist", "index.js");
  const [key, input, output] = args;
  const data = await readFile(input);
  if (command === "encrypt") {
    const encrypter = new age.Encrypter();
    if (key.startsWith(PASSPHRASE)) {
      encrypter.setScryptWorkFactor(10);
      encrypter.setPassphrase(key.slice(PASSPHRASE.length));
    } else {
      encrypter.addRecipient(key);
    }
    await writeFile(output, await encrypter.encrypt(data));
  } else {
    const decrypter = new age.Decrypter();
    if (key.startsWith(PASSPHRASE)) {
      decrypter.addPassphrase(key.slice(PASSPHRASE.length));
    } else {
      decrypter.addIdentity(key);
    }
    await writeFile(output, await decrypter.decrypt(data, "uint8array"));
  }
}
