// Written by `manage.py hubspot_project`: where Rollcall answers, and the app's id once HubSpot gave one.
export const ROLLCALL: string = 'https://rollcall.example.com';
export const APP_ID: string = '';
