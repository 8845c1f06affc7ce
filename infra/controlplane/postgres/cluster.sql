-- Nobody connects anywhere, or creates anything, unless it is granted below. Running this again changes nothing.
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
