import { PYTHON_CLIENTS } from '../python/clients.ts';
import { testClients } from './test-clients.ts';

testClients(PYTHON_CLIENTS);
