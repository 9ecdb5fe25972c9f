/** Preloaded in a guest: V8 interprets, as compiling costs more there than it saves. */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-opt');
setFlagsFromString('--no-sparkplug');
