import { NODE_CLIENTS } from '../node/clients.ts';
import { testClients } from './test-clients.ts';

testClients(NODE_CLIENTS);
